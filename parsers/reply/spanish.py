"""Spanish commands: how people write each of them.  Read where the site's `languages` have "es"."""

from __future__ import annotations

from parsers.reply.language import Language
from parsers.text.folding import phrases
from parsers.values import Verb

SPANISH = Language(
    code="es",
    name="Spanish",
    listed={
        Verb.APPROVE: phrases("""
            aprobar | aprobado | aprobada | apruebo | lo apruebo | la apruebo | apruebo la solicitud |
            apruebo esta solicitud | solicitud aprobada | queda aprobada | queda aprobado | aceptado | aceptada |
            acepto | acepto la solicitud | autorizado | autorizada | autorizo
        """),
        Verb.DENY: phrases("""
            denegar | denegado | denegada | deniego | deniego la solicitud | solicitud denegada | rechazar |
            rechazado | rechazada | rechazo | lo rechazo | la rechazo | rechazo la solicitud | solicitud rechazada
        """),
        Verb.RETRY: phrases("reintentar | intentar de nuevo | volver a intentar"),
        Verb.EXTEND: phrases("""
            prorrogar | prorroga | prolongar | ampliar | renovar | extender | prolongar mi vm | prorrogar mi vm |
            extender mi vm
        """),
        Verb.RELEASE: phrases("liberar | liberar mi vm | liberar la vm | devolver | devolver mi vm | devolver la vm"),
        Verb.WITHDRAW: phrases("""
            retirar | retirar mi solicitud | retiro mi solicitud | anular mi solicitud | cancelar mi solicitud
        """),
        Verb.KEEP: phrases("conservar | conservar mi vm | mantener | mantener mi vm | conservo mi vm"),
        Verb.START: phrases("iniciar | iniciar mi vm | arrancar | arrancar mi vm | encender mi vm"),
        Verb.RESTART: phrases("reiniciar | reiniciar mi vm | reiniciar la vm"),
        Verb.CONSOLE: phrases("consola | mostrar la consola | enviar la consola"),
        Verb.REKEY: phrases("reinstalar mis claves | instalar mis claves"),
        Verb.REINSTALL: phrases("reinstalar | reinstalar mi vm | reinstalar la vm"),
        Verb.RESTORE: phrases("restaurar | restaurar mi vm | recuperar mi vm"),
        Verb.CONFIRM: phrases("confirmar | confirmado | confirmada | confirmo | lo confirmo | confirmo mi solicitud"),
        Verb.PROCEED: phrases("proseguir | continuar | adelante"),
        Verb.ADOPT: phrases("adoptar | adoptar la vm"),
        Verb.REBUILD: phrases("reconstruir | reconstruir la vm"),
        Verb.FORGET: phrases("olvidar | olvidar la vm"),
        Verb.STATUS: phrases("estado"),
        Verb.HELP: phrases("ayuda"),
    },
    until=phrases("hasta el | hasta | hasta el dia"),
    period=phrases("por otros | por otras | por | durante | otros | otras"),
    disk=phrases("disco | disco de | con disco | con disco de | con un disco de"),
    disk_units=(),
    reason=phrases("porque | ya que | motivo | razon | debido a"),
    before=phrases("vale | de acuerdo | claro | perfecto | por favor | hola | buenos dias | buenas tardes | muy bien"),
    before_denial=phrases("lo siento | lamentablemente | perdon"),
    after=phrases("""
        gracias | muchas gracias | por favor | saludos | un saludo | saludos cordiales | por mi parte | de nada | vale
    """),
    yes=frozenset(
        phrases("aprobado | aprobada | apruebo | aprobar | aceptado | aceptada | acepto | autorizado | autorizada")
    ),
    no=frozenset(phrases("denegado | denegada | deniego | rechazado | rechazada")),
    units={
        **dict.fromkeys(("dia", "dias"), "days"),
        **dict.fromkeys(("semana", "semanas"), "weeks"),
        **dict.fromkeys(("mes", "meses"), "months"),
        **dict.fromkeys(("ano", "anos"), "years"),
        "un": "1",
        "una": "1",
        "dos": "2",
        "tres": "3",
        "cuatro": "4",
        "seis": "6",
        "doce": "12",
    },
)
